package ac3

import "errors"

// Unit describes an access unit of Enhanced AC-3: the frames of all substreams for six blocks (F.5).
type Unit struct {
	Bytes    int // size of all frames
	Rate     int // sample rate, Hz
	Channels int // of the first program

	programs [maxPrograms]program // by substreamid of the independent substream
	count    int                  // of programs
}

// program is an independent substream with the substreams that depend on it.
type program struct {
	Frame
	dependents int
	added      uint16 // chan_loc
}

// maxPrograms is the greatest number of independent substreams, and of substreams that depend on one.
const maxPrograms = 8

// maxFrames is the greatest number of frames of a unit: of one block each, of all substreams.
const maxFrames = unitBlocks * (maxPrograms + maxPrograms*maxPrograms)

var errUnit = errors.New("an access unit of E-AC-3 is not in the order of its substreams, or has not six blocks")

// Read reads the frames of the access unit at the beginning of b. The unit ends where the next one begins, or at the end
// of b. The error says that b ends within the unit, or is damaged.
func (u *Unit) Read(b []byte) error {
	*u = Unit{}
	current := 0 // the program of the frame
	blocks := 0
	for frames := 0; blocks < unitBlocks || u.Bytes < len(b); frames++ {
		f, err := Read(b[u.Bytes:])
		switch {
		case err != nil:
			return err
		case frames == maxFrames:
			return errUnit
		case f.Bytes > len(b)-u.Bytes:
			return ErrCut
		case f.Dependent && u.count == 0:
			return errUnit
		case f.Dependent:
			u.programs[current].depend(&f)
		case f.Substream == 0 && blocks == unitBlocks:
			return nil
		case f.Substream > u.count, f.Substream == 0 && blocks+f.Blocks > unitBlocks:
			return errUnit
		default:
			current = f.Substream
			u.begin(&f)
			if current == 0 {
				blocks += f.Blocks
			}
		}
		u.Bytes += f.Bytes
		u.Rate, u.Channels = u.programs[0].Rate, u.programs[0].Channels+countAdded(u.programs[0].added)
	}
	return nil
}

// begin adds the program of an independent substream if the unit does not have it.
func (u *Unit) begin(f *Frame) {
	if f.Substream < u.count {
		return
	}
	u.programs[f.Substream].Frame = *f
	u.programs[f.Substream].Bytes = 0
	u.count++
}

// depend adds a frame of a dependent substream.
func (p *program) depend(f *Frame) {
	p.dependents = max(p.dependents, f.Substream+1)
	p.added |= addedChannels(f.chanmap)
}
