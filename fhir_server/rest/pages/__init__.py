"""The files of the page that shows the OpenAPI document: they are served by us and load nothing from elsewhere."""
