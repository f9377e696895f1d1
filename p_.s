.text; .skip 3456
