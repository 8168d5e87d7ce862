"""Score distillation in JAX."""
