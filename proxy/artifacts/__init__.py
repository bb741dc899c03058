"""Artifacts and inputs in an object store, and a look at what an MP4 says about itself."""
