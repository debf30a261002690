"""The jobs of edgewise as a library: typed requests in, typed results out. Knows no command line."""
