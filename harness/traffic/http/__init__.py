"""The client: one attempt per request, never sent twice."""
