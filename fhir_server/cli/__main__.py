"""`python -m fhir_server.cli`: the same as `fhir-server`."""

from fhir_server.cli import main

if __name__ == "__main__":
    main(prog_name="fhir-server")
