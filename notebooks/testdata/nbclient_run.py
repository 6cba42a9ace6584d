"""Runs a notebook with nbclient, as nbconvert and the like do, and writes it with its outputs: nbclient_run.py IN OUT."""

import sys

import nbformat
from nbclient import NotebookClient

nb = nbformat.read(sys.argv[1], as_version=4)
nbformat.validate(nb)
NotebookClient(nb, timeout=300, kernel_name=nb.metadata.kernelspec.name).execute()
nbformat.validate(nb)
nbformat.write(nb, sys.argv[2])
