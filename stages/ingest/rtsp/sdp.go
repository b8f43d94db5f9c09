package rtsp

import (
	"strconv"
	"strings"
)

// said is what a session description says of its formats, by media and payload
// type: gortsplib keeps of it what it understood.
type said []map[uint8]saidFormat

type saidFormat struct {
	clock      uint32            // of the rtpmap; 0 where there is none
	parameters map[string]string // of the fmtp, keys in lower case
}

// readSaid reads the rtpmap and fmtp lines (RFC 8866, 6.6 and 6.15) of a description
// with a number of media; empty where it finds another number.
func readSaid(sdp []byte, media int) said {
	var out said
	for line := range strings.SplitSeq(string(sdp), "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "m=") {
			out = append(out, map[uint8]saidFormat{})
		}
		key, value, _ := strings.Cut(line, ":")
		if len(out) == 0 || key != "a=fmtp" && key != "a=rtpmap" {
			continue
		}
		number, text, _ := strings.Cut(strings.TrimSpace(value), " ")
		pt, err := strconv.ParseUint(number, 10, 8)
		if err != nil {
			continue
		}
		of := out[len(out)-1]
		f := of[uint8(pt)]
		if key == "a=fmtp" {
			f.parameters = parameters(text)
		} else {
			f.clock = clockRate(text)
		}
		of[uint8(pt)] = f
	}
	if len(out) != media {
		return nil
	}
	return out
}

// clockRate reads it from NAME/CLOCK or NAME/CLOCK/CHANNELS; 0 where it is not
// there.
func clockRate(rtpmap string) uint32 {
	parts := strings.Split(rtpmap, "/")
	if len(parts) < 2 {
		return 0
	}
	n, err := strconv.ParseUint(strings.TrimSpace(parts[1]), 10, 31)
	if err != nil {
		return 0
	}
	return uint32(n)
}

func parameters(list string) map[string]string {
	out := map[string]string{}
	for item := range strings.SplitSeq(list, ";") {
		key, value, _ := strings.Cut(item, "=")
		out[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
	}
	return out
}

// of is what was said of one payload type; empty where nothing was.
func (s said) of(media int, payloadType uint8) saidFormat {
	if media >= len(s) {
		return saidFormat{}
	}
	return s[media][payloadType]
}
