"""Papers as files: what a document record says, laid out and written as docx and PDF."""
