"""Visit the front page, as the tutorial of Locust does."""

from __future__ import annotations

from locust import HttpUser, task


class FrontPageVisitor(HttpUser):
    """A visitor."""

    @task
    def front(self) -> None:
        """Ask for the front page."""
        self.client.get("/")
