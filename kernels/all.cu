// Every kernel, for one PTX file.

#include "accumulate.cu"
#include "naive.cu"
#include "project.cu"
#include "steer.cu"
