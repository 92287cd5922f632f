"""Results that were made elsewhere, read with suspicion and turned into what an attempt of ours leaves behind.

`stock` reads the files of the stock lm-evaluation-harness, `samples` its rows, `question` what was asked, `conversion`
makes a result file and samples of them. Called by `evallab import`; what follows is the engine's own recording.
"""
