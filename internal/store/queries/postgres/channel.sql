SELECT 'stayput_' || current_schema()
