package client

import "bytes"

// endless reads a session description whose answer has no Content-Length: lines of the form x=..., up to the first line
// of another form, up to maxBodyBytes, or up to an error such as the deadline of the caller. It returns the lines
// before that.
func (r *reader) endless() (out []byte) {
	for len(out) < maxBodyBytes {
		b, err := r.br.Peek(2)
		if err != nil || b[0] < 'a' || b[0] > 'z' || b[1] != '=' {
			return out
		}
		line, err := r.line(answer)
		if err != nil {
			return out
		}
		out = append(append(out, line...), "\r\n"...)
	}
	return out
}

// isDescription reports whether a body is a session description. It ignores Content-Type, which cameras spell in many
// ways.
func isDescription(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n\ufeff")
	return bytes.HasPrefix(body, []byte("v=")) || bytes.HasPrefix(body, []byte("m=")) || bytes.Contains(body, []byte("\nm="))
}
