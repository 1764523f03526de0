#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
