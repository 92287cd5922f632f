"""The words: every value that crosses a boundary of evallab, and the errors it raises. Imports nothing else of ours."""
