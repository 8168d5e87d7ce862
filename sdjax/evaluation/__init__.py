"""Figures of what is drawn and made, by a judge and by true renderings, over many prompts."""
