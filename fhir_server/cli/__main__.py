"""Runs the command as `python -m fhir_server.cli`.

https://docs.python.org/3/library/__main__.html
"""

from fhir_server.cli import main

if __name__ == "__main__":
    main(prog_name="fhir-server")
