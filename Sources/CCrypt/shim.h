// shim.h
//
// crypt(3) with the caller's own memory.

#pragma once

#include <crypt.h>
