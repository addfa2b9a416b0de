"""执通 Zhitong: one graph over the enforcement data of a city's departments."""
