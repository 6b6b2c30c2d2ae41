"""Search parameters that are added while the server runs: entered, filled with what is there already, then searched.

https://hl7.org/fhir/R4/searchparameter.html

A write of a SearchParameter enters what it means in `custom_parameter`, makes the tables and changes the stamp in
`custom_registry`, all in its own transaction (`change`). Every write transaction reads the stamp first and projects
with the parameters of that stamp (`registry`). A builder waits until the transactions that began before the change have
ended, then fills the tables batch by batch (`builder`). Until it is done, the schema refuses to say where the parameter
is answered (`schema`), so no search can use it.
"""
