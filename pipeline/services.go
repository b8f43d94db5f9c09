package pipeline

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
)

// Services are the shared parts of the process that stages look up by type: the hub, the media
// pool, the catalogue's journal.
//
// The program provides them before the first build and does not change them afterwards.
type Services struct {
	byType map[reflect.Type]any

	mu      sync.Mutex      // guards what follows
	missing map[string]bool // types that Optional did not find
}

// Provide adds a service under its static type T.
func Provide[T any](s *Services, service T) {
	if s.byType == nil {
		s.byType = map[reflect.Type]any{}
	}
	s.byType[reflect.TypeFor[T]()] = service
}

// Use returns the service of type T, which the stage requires. A stage's constructor calls it, so a
// missing service is an error of Build, with the stage's name.
func Use[T any](set Settings) (T, error) {
	v, ok := find[T](set)
	if !ok {
		return v, fmt.Errorf("no %v here: the program does not provide it", reflect.TypeFor[T]())
	}
	return v, nil
}

// Optional returns the service of type T, or otherwise if the program does not provide one.
// Services.Missing lists the types not found.
func Optional[T any](set Settings, otherwise T) T {
	v, ok := find[T](set)
	if ok {
		return v
	}
	if s := set.services; s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.missing == nil {
			s.missing = map[string]bool{}
		}
		s.missing[reflect.TypeFor[T]().String()] = true
	}
	return otherwise
}

// Missing returns the types that Optional did not find. A program that intends to provide every
// service checks that it is empty: this alone detects a service provided under a wrong type.
func (s *Services) Missing() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.missing))
}

func find[T any](set Settings) (v T, ok bool) {
	if set.services != nil {
		v, ok = set.services.byType[reflect.TypeFor[T]()].(T)
	}
	return v, ok
}
