"""`evallab crd`: what makes a cluster know EvalJobs."""

import click


@click.command(short_help="Print the CustomResourceDefinition of EvalJob.")
def crd() -> None:
    """Print the CustomResourceDefinition of EvalJob.

    \b
      evallab crd | kubectl apply --server-side -f -

    The Helm chart brings it along; this is for clusters whose administrators install definitions themselves.
    """
    from evallab.api.v1alpha1 import written

    click.echo(written.crd_file(), nl=False)
