package rtmp

import (
	"errors"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/ac3"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// readMP3, readAC3 and readEAC3 return functions that read the headers of the frames of one track: see framed.

func readMP3() func([]byte) (header, error) {
	var last codec.MP3Frame
	return func(b []byte) (header, error) {
		f, err := codec.ReadMP3Frame(b)
		if err != nil {
			return header{}, err
		}
		h := header{bytes: f.Bytes, samples: f.Samples, rate: f.Rate}
		if f.Bytes = 0; f != last {
			last, h.set = f, f.Set()
		}
		return h, nil
	}
}

func readAC3() func([]byte) (header, error) {
	var last ac3.Frame
	return func(b []byte) (header, error) {
		f, err := ac3.Read(b)
		switch {
		case err != nil:
			return header{}, err
		case f.Enhanced:
			return header{}, errors.New("a frame of the enhanced form")
		}
		h := header{bytes: f.Bytes, samples: ac3.UnitSamples, rate: f.Rate}
		if f.Bytes = 0; f != last {
			last, h.set = f, f.Set()
		}
		return h, nil
	}
}

func readEAC3() func([]byte) (header, error) {
	var last ac3.Unit
	return func(b []byte) (header, error) {
		var u ac3.Unit
		if err := u.Read(b); err != nil {
			return header{}, err
		}
		h, whole := header{bytes: u.Bytes, samples: ac3.UnitSamples, rate: u.Rate}, u
		if u.Bytes = 0; u != last {
			last, h.set = u, whole.Set()
		}
		return h, nil
	}
}

// The samples of G.711.
var appendALaw, appendMuLaw = rtp.AppendALaw, rtp.AppendMuLaw
