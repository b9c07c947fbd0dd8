"""A cluster to play with: the participant changes it with kubectl, and a page shows at once what each change lost."""
