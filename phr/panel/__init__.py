"""WHO NEEDS ME TODAY: a team's residents, those who need attention first, each with the reasons in words."""
