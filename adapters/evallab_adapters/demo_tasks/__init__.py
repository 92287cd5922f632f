"""Five lm-evaluation-harness tasks for the bundled demo model: the quickstart, the demos and the tests run them.

`data_files` in the YAML files are relative to this folder; the adapter makes them absolute before the harness reads
them. How the questions were made, and what the scores mean, is in tinymodel/MODEL_CARD.md.
"""
