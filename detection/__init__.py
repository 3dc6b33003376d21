"""Who is cloudy: detectors of clouds and their shadows."""
