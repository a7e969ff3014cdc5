"""How the service is put to work elsewhere than on the machine that it is built on."""
