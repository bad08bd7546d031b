SELECT pg_notify('stayput_' || current_schema(), '')
