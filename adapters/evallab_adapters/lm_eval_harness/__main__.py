"""`python -m evallab_adapters.lm_eval_harness`: what the provider's `runtime.local.command` starts."""

from evallab_adapters.lm_eval_harness import main

if __name__ == "__main__":
    main()
