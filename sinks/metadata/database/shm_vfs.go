package database

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// A disk that is frozen (fsfreeze, a snapshot of a virtual machine) or that hangs must stop
// nothing but what writes to it.
//
// SQLite's write-ahead log has an index, the file -shm, which all connections and processes
// map into their memory. A write to a mapped page that the file system has just cleaned
// is a page fault, in which the kernel waits for the disk (page_mkwrite). The thread then
// waits outside of a system call. The scheduler of Go cannot take its processor away, the
// next collection waits for that thread, and the whole process stands still: no camera is
// read for as long as the disk is frozen.
//
// So SQLite's file system (its VFS "unix") is wrapped here. A moment before SQLite
// writes to -shm, the wrapper sets the time of that file, which waits for the disk in the
// same way, but in a system call: only the one goroutine waits. SQLite writes to -shm
//
//	under an exclusive lock of it      read marks, restart of the log, recovery, begin of a checkpoint: xShmLock waits first
//	behind a sync of the log           the frames of a commit: xSync waits once more afterwards
//	behind a sync of the database      how far a checkpoint came: the same
//	behind a write to the log          as above where synchronous is not FULL: the write has waited itself
//
// What remains is the time from there to SQLite's write, some microseconds. A freeze makes
// system calls wait first, then writes back what is dirty, and makes page faults wait last,
// so that all of it would have to fall into that time. No test has seen it happen, and
// nothing excludes it: the process then stands still until the thaw, as without all this.
//
// Not covered are
//
//	a transaction that is rolled back after it has outgrown the page cache (2 MB)
//	a disk that hangs without the file system's journal taking notice
//	pages of -shm that the kernel has taken out of memory: to read one again is a page fault, too. A frozen disk gives it, one that hangs does not
//
// A connection in the mode locking_mode=EXCLUSIVE has its index in memory and needs none
// of this.
//
// A reader writes to -shm only where it is the first behind a commit: it moves a read mark.
// Committed does that in its place, so that who reads from a stopped disk does not wait.
//
// That -shm is not simply kept in memory has a reason: other processes, such as spool
// reindex and the shell sqlite3, open the same file.

// awaitDisk returns once the file system of an index of a log takes writes. Errors are of
// no interest: an index that is not there, or cannot be written, is not written.
// Tests replace it before anything is opened.
var awaitDisk = func(index string) {
	now := []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_NOW}}
	_ = unix.UtimesNanoAt(unix.AT_FDCWD, index, now, unix.AT_SYMLINK_NOFOLLOW)
}

// Committed is called behind a transaction that the connection which writes has committed.
// It moves the read mark of SQLite's index of the log. Where it fails the first reader moves
// it, which waits for the disk.
func (s *DB) Committed(ctx context.Context) {
	if s.Driver == "sqlite" && s.RO != s.RW {
		_, _ = s.RW.ExecContext(ctx, "SELECT 1 FROM "+Tables[0]+" WHERE 1 = 0")
	}
}

// unixFiles is the VFS that is wrapped, and the methods of its files.
var unixFiles struct {
	once sync.Once
	vfs  uintptr // the VFS of SQLite
	open uintptr // its function that opens a file

	mu      sync.Mutex          // guards wrapped, and the first write of what follows
	wrapped map[uintptr]uintptr // a table of methods (a database has another one than its log) to one that waits for the disk first
	sync    uintptr             // what the methods xSync and xShmLock are in every table
	shmLock uintptr
}

// lockless is the VFS of connections that lock nothing: SQLite's unix-none, which follows no
// link.
const lockless = "spool-none"

// wrapVFS makes the wrapper the VFS of all connections that name none, and registers
// lockless.
func wrapVFS() {
	u := &unixFiles
	u.once.Do(func() {
		tls := libc.NewTLS()
		defer tls.Close()
		u.vfs = sqlite3.Xsqlite3_vfs_find(tls, 0)
		vfs := *at[sqlite3.Tsqlite3_vfs](u.vfs)
		name, err := libc.CString("spool")
		if err != nil {
			return // no memory: SQLite will say so
		}
		u.open, vfs.FxOpen, vfs.FzName, vfs.FxFullPathname = vfs.FxOpen, address(openFile), name, address(fullPath)
		if p := kept(tls, vfs); p != 0 {
			sqlite3.Xsqlite3_vfs_register(tls, p, 1)
		}
		registerLockless(tls)
	})
}

func registerLockless(tls *libc.TLS) {
	names := [2]uintptr{}
	for i, text := range []string{"unix-none", lockless} {
		name, err := libc.CString(text)
		if err != nil {
			return
		}
		names[i] = name
	}
	base := sqlite3.Xsqlite3_vfs_find(tls, names[0])
	libc.Xfree(tls, names[0])
	if base == 0 {
		return
	}
	vfs := *at[sqlite3.Tsqlite3_vfs](base)
	vfs.FzName, vfs.FxFullPathname = names[1], address(fullPath)
	if p := kept(tls, vfs); p != 0 {
		sqlite3.Xsqlite3_vfs_register(tls, p, 0)
	}
}

// fullPath is xFullPathname. SQLite's own looks where links lead, and opens that: this one
// leaves a link the last part of the path, and SQLite then opens over none.
func fullPath(tls *libc.TLS, _, name uintptr, room int32, out uintptr) int32 {
	path := libc.GoString(name)
	if !filepath.IsAbs(path) {
		dir, err := os.Getwd()
		if err != nil {
			return sqlite3.SQLITE_CANTOPEN
		}
		path = dir + "/" + path
	}
	if len(path) >= int(room) {
		return sqlite3.SQLITE_CANTOPEN
	}
	copy(unsafe.Slice(at[byte](out), room), path+"\x00")
	return sqlite3.SQLITE_OK
}

// openFile is xOpen.
func openFile(tls *libc.TLS, _, name, file uintptr, flags int32, outFlags uintptr) int32 {
	open := *(*func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32)(unsafe.Pointer(&unixFiles.open))
	rc := open(tls, unixFiles.vfs, name, file, flags, outFlags)
	if rc == sqlite3.SQLITE_OK {
		methods := &at[sqlite3.Tsqlite3_file](file).FpMethods
		*methods = waiting(tls, *methods)
	}
	return rc
}

// waiting is a table of methods like another one, but that they wait for the disk; the
// same one where there is no memory, or its methods are not those of a real file.
func waiting(tls *libc.TLS, methods uintptr) uintptr {
	u := &unixFiles
	u.mu.Lock()
	defer u.mu.Unlock()
	if wrapped, known := u.wrapped[methods]; known {
		return wrapped
	}
	table := *at[sqlite3.Tsqlite3_io_methods](methods)
	if u.wrapped == nil {
		u.wrapped, u.sync, u.shmLock = map[uintptr]uintptr{}, table.FxSync, table.FxShmLock
	}
	wrapped := methods
	if table.FxSync == u.sync && table.FxShmLock == u.shmLock {
		table.FxSync, table.FxShmLock = address(syncFile), address(lockIndex)
		if p := kept(tls, table); p != 0 {
			wrapped = p
		}
	}
	u.wrapped[methods] = wrapped
	return wrapped
}

// syncFile is xSync. The frames that it made durable are entered in the index right
// afterwards.
func syncFile(tls *libc.TLS, file uintptr, flags int32) int32 {
	sync := *(*func(*libc.TLS, uintptr, int32) int32)(unsafe.Pointer(&unixFiles.sync))
	rc := sync(tls, file, flags)
	if rc == sqlite3.SQLITE_OK {
		awaitIndex(file)
	}
	return rc
}

// lockIndex is xShmLock. What is locked exclusively is written right afterwards.
func lockIndex(tls *libc.TLS, file uintptr, first, n, flags int32) int32 {
	lock := *(*func(*libc.TLS, uintptr, int32, int32, int32) int32)(unsafe.Pointer(&unixFiles.shmLock))
	if flags == sqlite3.SQLITE_SHM_LOCK|sqlite3.SQLITE_SHM_EXCLUSIVE {
		awaitIndex(file) // before: nothing is held while it waits
	}
	return lock(tls, file, first, n, flags)
}

// awaitIndex waits for the disk of the index that belongs to a database or its log.
func awaitIndex(file uintptr) {
	path := at[sqlite3.TunixFile](file).FzPath
	if path == 0 {
		return // a temporary file
	}
	awaitDisk(strings.TrimSuffix(libc.GoString(path), "-wal") + "-shm")
}

// at is what an address of SQLite's memory, which is none of Go's, holds.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// kept is the address of a copy of a value for the life of the process, 0 where there is
// no memory.
func kept[T any](tls *libc.TLS, v T) uintptr {
	p := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(v)))
	if p != 0 {
		*at[T](p) = v
	}
	return p
}

// address is that of a function, as SQLite keeps it. F is a declared function: it is
// never moved or collected.
func address[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }
