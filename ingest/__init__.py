"""MQTT: what devices publish becomes readings; verdicts go back."""
