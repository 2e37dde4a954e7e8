module Client = Client
