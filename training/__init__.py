"""How the built-in pack was made, repeatable: data, nets, losses, schedules, export to Caffe, evaluation."""
