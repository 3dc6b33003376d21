"""Clouds and shadows painted on clear tiles: a clear Tile goes in, a CloudyPair comes out."""
