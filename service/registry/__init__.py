"""From a name, a document or an application to a model that can be run."""
