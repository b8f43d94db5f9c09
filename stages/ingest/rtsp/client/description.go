package client

import "bytes"

// endless reads a description of unknown length: lines of the form x=..., up to the first other line, or up to a
// silence, which the caller ends.
func (r *reader) endless() (out []byte) {
	for len(out) < maxBodyBytes {
		b, err := r.br.Peek(2)
		if err != nil || b[0] < 'a' || b[0] > 'z' || b[1] != '=' {
			return out
		}
		line, err := r.line()
		if err != nil {
			return out
		}
		out = append(append(out, line...), "\r\n"...)
	}
	return out
}

// isDescription reports whether a body is a session description, whatever its Content-Type: cameras spell that in
// many ways.
func isDescription(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n\ufeff")
	return bytes.HasPrefix(body, []byte("v=")) || bytes.HasPrefix(body, []byte("m=")) || bytes.Contains(body, []byte("\nm="))
}
