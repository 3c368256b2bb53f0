"""Pictures of inspected files: thumbnails and first pages."""
