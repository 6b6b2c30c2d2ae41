"""HTTP tests through the real application, on both databases; each file is headed by the section it holds us to."""
