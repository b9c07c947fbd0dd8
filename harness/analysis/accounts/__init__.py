"""Joins the accounts of the client, the proxy and the pods to one fate of every request. Pure, and done by numpy."""
