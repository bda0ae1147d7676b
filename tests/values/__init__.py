"""Values that go to a real endpoint and come back as they were."""
