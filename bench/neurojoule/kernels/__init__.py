"""Contractions that touch only the synapses that exist, beside the plain forms they must equal."""
