"""A config-driven experiment runner for Keras networks.

Data flows one way: config → Dataset → model → training → evaluation → report.
"""

__version__ = "0.1.0"
