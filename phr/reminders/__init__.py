"""WHEN TO ASK: schedules of medicines, measurements, visits, lessons; what is due, told once; what became of it."""
