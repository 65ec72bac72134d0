"""Where the work of a batch is done: processes of this machine, or actors of a Ray cluster, behind one interface."""
