-- The right to create pipelines has the bit that the original publishes, 32768; 65536 is another right there.
update access_entry set allow_bits = allow_bits - 65536 + 32768
    where namespace_id = X'33344d9cfc724d6faba5fa317101a7e9' and (allow_bits & 65536) <> 0 and (allow_bits & 32768) = 0;
