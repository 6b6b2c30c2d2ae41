"""The REST layer without a server: router, headers, addresses, paging, intake."""
