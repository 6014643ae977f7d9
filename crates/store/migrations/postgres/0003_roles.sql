-- The right to create pipelines has the bit that the original publishes, 32768; 65536 is another right there.
update access_entry set allow_bits = allow_bits - 65536 + 32768
    where namespace_id = '33344d9c-fc72-4d6f-aba5-fa317101a7e9' and (allow_bits & 65536) <> 0 and (allow_bits & 32768) = 0;
