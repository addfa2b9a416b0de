-- Subscribers read the log on from where they are: its decisions alone, among many looks.
create index sealed_leaf_decision on sealed_leaf (number) where kind = 'DECISION';
