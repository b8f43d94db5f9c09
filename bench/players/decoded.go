package players

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// Decoded is the media that a player decoded.
type Decoded struct {
	Pictures     int     `json:"pictures"`
	SoundSeconds float64 `json:"sound_s"`
	// Loudness is the root mean square of the samples, at most 1. It is 0 if the player does not show the samples.
	Loudness float64 `json:"loudness"`
}

// Names of the files that a player writes in its directory: pictures of 8 bits a pixel, and sound of one channel as
// 16-bit little-endian integers at soundRate. Instead of the former, it may write each picture as a .jpg file.
const (
	picturesName = "pictures.gray"
	soundName    = "sound.s16"
)

// written counts the media in the files that a player wrote. A missing file has none.
func written(dir string) (d Decoded, err error) {
	if info, err := os.Stat(filepath.Join(dir, picturesName)); err == nil {
		d.Pictures = int(info.Size() / (width * height))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	shown, _ := filepath.Glob(filepath.Join(dir, "*.jpg")) // the pattern is valid
	d.Pictures += len(shown)
	samples, err := os.ReadFile(filepath.Join(dir, soundName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	sum, n := 0.0, len(samples)/2
	for i := range n {
		s := float64(int16(binary.LittleEndian.Uint16(samples[2*i:]))) / math.MaxInt16
		sum += s * s
	}
	if sum > 0 { // silence is no sound: the source has noise
		d.SoundSeconds, d.Loudness = float64(n)/soundRate, math.Sqrt(sum/float64(n))
	}
	return d, nil
}
