package bitstream

// Unescape appends the body of a NAL unit to out, without emulation prevention bytes.
func Unescape(out, body []byte) []byte {
	zeros := 0
	for _, v := range body {
		if zeros >= 2 && v == 3 {
			zeros = 0
			continue
		}
		if zeros++; v != 0 {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}

// Escape appends a NAL unit to out, with emulation prevention bytes.
func Escape(out, nal []byte) []byte {
	zeros := 0
	for _, v := range nal {
		if zeros >= 2 && v <= 3 {
			out, zeros = append(out, 3), 0
		}
		if zeros++; v != 0 {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}

// UnescapeHead appends the beginning of a NAL unit's body to out, without emulation prevention bytes, until out
// is full. It never grows out.
func UnescapeHead(out, body []byte) []byte {
	zeros := 0
	for _, v := range body {
		if len(out) == cap(out) {
			break
		}
		if zeros >= 2 && v == 3 {
			zeros = 0
			continue
		}
		if v == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}
