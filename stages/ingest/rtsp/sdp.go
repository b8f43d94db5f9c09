package rtsp

import (
	"strconv"
	"strings"
)

// fmtp are the format parameters of a session description, by media and payload
// type, keys in lower case: gortsplib keeps of them what it understood.
type fmtp []map[uint8]map[string]string

// readFMTP reads the fmtp lines (RFC 8866, 6.15) of a description with a number
// of media; empty where it finds another number.
func readFMTP(sdp []byte, media int) fmtp {
	var out fmtp
	for line := range strings.SplitSeq(string(sdp), "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "m=") {
			out = append(out, map[uint8]map[string]string{})
		}
		value, found := strings.CutPrefix(line, "a=fmtp:")
		if !found || len(out) == 0 {
			continue
		}
		number, list, _ := strings.Cut(strings.TrimSpace(value), " ")
		if pt, err := strconv.ParseUint(number, 10, 8); err == nil {
			out[len(out)-1][uint8(pt)] = parameters(list)
		}
	}
	if len(out) != media {
		return nil
	}
	return out
}

func parameters(list string) map[string]string {
	out := map[string]string{}
	for item := range strings.SplitSeq(list, ";") {
		key, value, _ := strings.Cut(item, "=")
		out[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
	}
	return out
}

// of is what was said of one payload type; nil where nothing was.
func (f fmtp) of(media int, payloadType uint8) map[string]string {
	if media >= len(f) {
		return nil
	}
	return f[media][payloadType]
}
